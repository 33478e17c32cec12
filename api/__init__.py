"""The front doors: gRPC servicers, thin.

They check the caller and the request, call one domain function or start one workflow, and translate
the answer.
"""
