"""Motion of the source: optical flow, warping, occlusion, scene cuts, activity, and noise that follows it."""
