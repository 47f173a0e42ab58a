--------------------------- MODULE MCRaftDiverged -----------------------------
\* Three logs as in figure 7 of the paper: one is behind, one goes on in a term of its own.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 3, vote |-> 0, log |-> <<1, 1, 3>>, commit |-> 1], [node |-> 2, term |-> 2, vote |-> 0, log |-> <<1, 2, 2, 2>>, commit |-> 1], [node |-> 3, term |-> 2, vote |-> 0, log |-> <<1, 1>>, commit |-> 1]}
===============================================================================
