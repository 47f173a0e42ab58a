--------------------------- MODULE MCBreakerControls ---------------------------
(* An operator who may say anything at any time. *)
EXTENDS Breaker
Waits == <<1, 2>>
Operator == {"reset", "open", "half_open", "force_open", "disable", "metrics_only"}
=============================================================================
