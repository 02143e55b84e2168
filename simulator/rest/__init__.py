"""The stand-in eMabler's REST APIs, v1 and v2: the same fleet that pushes, asked instead of heard."""
