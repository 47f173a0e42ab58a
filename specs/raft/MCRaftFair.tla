----------------------------- MODULE MCRaftFair -------------------------------
\* A leader, and a follower whose disk lags and that crashes; then nothing fails any more.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
