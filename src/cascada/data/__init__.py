"""Showers: raw formats and the surrogate, shards, the merged files, their splits and their reading."""
