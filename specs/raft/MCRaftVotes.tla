----------------------------- MODULE MCRaftVotes ------------------------------
\* Voters whose disks lag, and that crash.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 3, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
