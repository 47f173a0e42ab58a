---------------------------- MODULE MCQueueCrash -----------------------------
(* A disk that lags, a crash that loses any part of what it had not kept, leases, attempts. *)
EXTENDS Queue
Producers == {[id |-> "a", key |-> "", dedup |-> "", delay |-> 0]}
==============================================================================
