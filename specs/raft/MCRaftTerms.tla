----------------------------- MODULE MCRaftTerms ------------------------------
\* Two nodes over two terms; the disk of one of them lags, and it crashes.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
