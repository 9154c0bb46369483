"""The model as files that stand alone: written, described, verified, opened, asked."""
