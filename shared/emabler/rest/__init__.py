"""eMabler's REST APIs, v1 and v2, behind one interface: what is asked, what is read of the answer, what went wrong."""
