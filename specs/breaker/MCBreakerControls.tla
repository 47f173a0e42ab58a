--------------------------- MODULE MCBreakerControls ---------------------------
(* An operator who may say anything at any time. *)
EXTENDS Breaker
Waits == <<1, 2>>
Operator == AllControls
=============================================================================
