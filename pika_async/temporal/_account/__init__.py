"""An account: what campaigns on one key share."""
