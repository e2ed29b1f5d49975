"""Images: decoded once into bytes that all trials share, then drawn, cropped and batched."""
