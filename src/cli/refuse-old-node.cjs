// Says in one line that this Node is too old, before something that it lacks says so with a stack. It is plain
// JavaScript that needs neither a build nor a Node that is new enough.

/** @param range of package.json, e.g. `>=20.9.0` */
module.exports = function refuseOldNode(range) {
  const found = process.versions.node
  const [oldest] = /\d+\.\d+\.\d+/.exec(range)
  if (!isBefore(found.split('.').map(Number), oldest.split('.').map(Number))) return
  process.stderr.write(
    `this is Node ${found}, and resnet-serving needs ${oldest} or later: https://nodejs.org/\n`,
  )
  process.exit(1)
}

function isBefore([major, minor], [leastMajor, leastMinor]) {
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
