"""A workflow without the canvas: the nodes' own code on the same engine, without ComfyUI.

``host`` and ``node_api`` stand in for ComfyUI, ``executor`` runs the API form of a workflow, ``player`` plays
it on a thread, ``app`` answers HTTP while it plays. scripts/serve.py starts it; docs/scale.md explains it.
"""
