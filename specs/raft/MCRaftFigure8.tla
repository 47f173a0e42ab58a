---------------------------- MODULE MCRaftFigure8 -----------------------------
\* An entry of an older term is on a majority, as in figure 8 of the paper, and a heartbeat finds it there.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 3, vote |-> 0, log |-> <<1, 2>>, commit |-> 1], [node |-> 2, term |-> 3, vote |-> 0, log |-> <<1, 2>>, commit |-> 1]}
===============================================================================
