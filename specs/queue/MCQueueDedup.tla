---------------------------- MODULE MCQueueDedup -----------------------------
(* Deduplication ids, little room, messages that are forgotten when they are done; and a crash. *)
EXTENDS Queue
Producers == {[id |-> "a", key |-> "", dedup |-> "d", delay |-> 0], [id |-> "b", key |-> "", dedup |-> "d", delay |-> 0], [id |-> "c", key |-> "", dedup |-> "e", delay |-> 0]}
==============================================================================
