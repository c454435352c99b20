"""Questions to the trail, one module each."""
