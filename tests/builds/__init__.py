"""Tests of build folders."""
