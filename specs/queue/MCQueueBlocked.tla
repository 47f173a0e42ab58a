--------------------------- MODULE MCQueueBlocked ----------------------------
(* A dead message that keeps its key waiting, and redrives of one message. *)
EXTENDS Queue
Producers == {[id |-> "a", key |-> "k", dedup |-> "", delay |-> 0], [id |-> "b", key |-> "k", dedup |-> "", delay |-> 1]}
==============================================================================
