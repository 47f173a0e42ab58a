--------------------------- MODULE MCBreakerHung ---------------------------
(* Open ends by itself, half-open has a maximum and then opens again; nobody need ever answer. *)
EXTENDS Breaker
Waits == <<1, 2>>
Operator == {}
=============================================================================
