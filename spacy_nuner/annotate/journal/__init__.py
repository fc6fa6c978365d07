"""The journal of replies: one row per prompt, written as it arrives."""
