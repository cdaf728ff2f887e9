# Where things are and which ports they use. Everything here may be overridden from the environment.
# shellcheck shell=bash disable=SC2034  # read by the files that source this one

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
RUN_DIR=$ROOT/.run
LOG_DIR=$RUN_DIR/log

# Programs are built unless they are already given: a folder with `olympus` and `examples/{commerce,auth}`.
OLYMPUS_BIN_DIR=${OLYMPUS_BIN_DIR:-}
OLYMPUS_PROFILE=${OLYMPUS_PROFILE:-release}
OLYMPUS_CONF=${OLYMPUS_CONF:-examples/stack/gateway.toml}

OLYMPUS_BIND=${OLYMPUS_BIND:-127.0.0.1}
OLYMPUS_PORT=${OLYMPUS_PORT:-8080}
OLYMPUS_ADMIN_PORT=${OLYMPUS_ADMIN_PORT:-9090}
OLYMPUS_METRICS_PORT=${OLYMPUS_METRICS_PORT:-9091}
OLYMPUS_POSTGRES_PORT=${OLYMPUS_POSTGRES_PORT:-5499}
OLYMPUS_REDIS_PORT=${OLYMPUS_REDIS_PORT:-6399}

# The endpoints in conf/gateway.toml: whoever moves them says so in OLYMPUS_CONF, a configuration of their own.
OLYMPUS_COMMERCE_PORT=${OLYMPUS_COMMERCE_PORT:-9001} # and the two after it
OLYMPUS_AUTH_PORT=${OLYMPUS_AUTH_PORT:-9011}
OLYMPUS_ANALYTICS_PORT=${OLYMPUS_ANALYTICS_PORT:-9021}

# In the order they are started; they are ended in reverse.
SERVICES=(postgres redis commerce-1 commerce-2 commerce-3 auth-1 analytics-1 gateway)
