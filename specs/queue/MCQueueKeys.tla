----------------------------- MODULE MCQueueKeys -----------------------------
(* Two messages of one key, the last attempt, an operator who kills and redrives. *)
EXTENDS Queue
Producers == {[id |-> "a", key |-> "k", dedup |-> "", delay |-> 0], [id |-> "b", key |-> "k", dedup |-> "", delay |-> 0]}
==============================================================================
