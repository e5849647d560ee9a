#!/usr/bin/env bash
# time-limit: 900
# The same as network_over_rxe, over siw.
RDMA=siw exec bash "$(dirname "$0")/network_over_rxe.sh"
