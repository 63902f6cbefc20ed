"""A procedural world whose every attribute a prompt can name and a picture can be measured for."""
