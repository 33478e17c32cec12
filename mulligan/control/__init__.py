"""Servers, hosts, images, machines and the operations that change them."""
