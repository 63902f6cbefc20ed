"""Streams whose model runs on another machine of a Ray cluster.

The session stays where it is: sources, targets, preview, live values and receipts are its own. Of a denoising
node only the runner is elsewhere: ``remote_runner`` sends each stage's input to an actor, ``worker`` runs it
on that machine's lanes. Placement, health and transport are Ray's. docs/scale.md says what a cluster trusts.
"""
