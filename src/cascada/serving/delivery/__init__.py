"""Deliver a published version to the machine that serves: get it, verify it, try it in the shadow, then switch over or refuse."""
