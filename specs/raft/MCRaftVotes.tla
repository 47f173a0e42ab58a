----------------------------- MODULE MCRaftVotes ------------------------------
\* Two candidates of one term, and a voter whose disk lags and that crashes.
EXTENDS Raft

Disks == {[node |-> 1, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 2, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0], [node |-> 3, term |-> 0, vote |-> 0, log |-> <<>>, commit |-> 0]}
===============================================================================
