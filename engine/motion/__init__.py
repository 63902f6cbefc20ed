"""Optical flow between pictures, and what is carried along it."""
