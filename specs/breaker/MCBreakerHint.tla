--------------------------- MODULE MCBreakerHint ---------------------------
(* Servers that say how long to stay away, and waits that are stretched at random. *)
EXTENDS Breaker
Waits == <<2, 4>>
Operator == {}
=============================================================================
