---------------------------- MODULE MCRaftCommit ------------------------------
\* A leader whose disk lags, a follower, a command and a heartbeat.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
