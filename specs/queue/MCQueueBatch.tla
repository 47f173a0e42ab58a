---------------------------- MODULE MCQueueBatch -----------------------------
(* Two workers, claims of two, bounds on what is out at once, leases that end together or one after the other. *)
EXTENDS Queue
Producers == {[id |-> "a", key |-> "", dedup |-> "", delay |-> 0], [id |-> "b", key |-> "", dedup |-> "", delay |-> 0], [id |-> "c", key |-> "", dedup |-> "", delay |-> 0]}
==============================================================================
