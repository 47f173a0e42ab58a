---------------------------- MODULE MCRaftCommit ------------------------------
\* A leader and a follower.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
