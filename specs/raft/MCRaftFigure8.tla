---------------------------- MODULE MCRaftFigure8 -----------------------------
\* Three logs as in figure 8 of the paper: an entry of an older term is on a majority.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 3, vote |-> 0, log |-> <<1, 2>>, commit |-> 1], [node |-> 2, term |-> 3, vote |-> 0, log |-> <<1, 2>>, commit |-> 1], [node |-> 3, term |-> 3, vote |-> 3, log |-> <<1, 3>>, commit |-> 1]}
===============================================================================
