----------------------------- MODULE MCLockRenew -----------------------------
(* One client that renews and releases; a margin, and a message that comes twice. *)
EXTENDS Lock
==============================================================================
