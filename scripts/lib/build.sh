# shellcheck shell=bash
# Compiles if a source is newer than the last successful build. Needs common.sh and install.sh.

# dist/.built carries the time at which the last successful build began.
build_is_current() {
  local built=$SLUICE_ROOT/dist/.built
  [ -e "$built" ] || return 1
  # Directories count too: removing a source updates its directory.
  [ -z "$(cd "$SLUICE_ROOT" && find src test tsconfig.json package-lock.json scripts/lib/bundle.mjs -newer "$built" -print -quit)" ]
}

compile() {
  cd "$SLUICE_ROOT" || return 1
  touch dist/.building
  node_modules/.bin/tsc -p tsconfig.json && node_modules/.bin/tsc -p src/page/browser &&
    node scripts/lib/bundle.mjs && mv dist/.building dist/.built
}

# ensure_built: installs npm packages and compiles, each if needed; concurrent callers compile once.
ensure_built() {
  ensure_npm
  build_is_current && return 0
  require_node
  mkdir -p "$SLUICE_ROOT/dist"
  (
    exec 9<"$SLUICE_ROOT/tsconfig.json"
    flock 9
    build_is_current || step "compiling" compile
  )
}
