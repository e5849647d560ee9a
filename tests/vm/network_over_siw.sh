#!/usr/bin/env bash
# time-limit: 900
# runs alone: it has three guests
# The same as network_over_rxe, over siw.
RDMA=siw exec bash "$(dirname "$0")/network_over_rxe.sh"
