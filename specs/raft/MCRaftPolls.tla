----------------------------- MODULE MCRaftPolls ------------------------------
\* Two nodes that poll before they stand, one of which was cut off in a later term.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 1, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
