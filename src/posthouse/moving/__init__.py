"""Moving in: what a customer has at another service comes along, from its exports or from its API.

A service's folder reads its shapes and yields neutral `things`; `arrival` puts them where they belong through
the desk, as a person would; `report` says what came and what could not.
"""
