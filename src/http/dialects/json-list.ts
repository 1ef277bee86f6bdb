// A long list in JSON, made some values at a time.

/** What that costs is little beside a turn of the event loop; see turns.ts. */
const valuesAtOnce = 1_000

/** Of a list, so many values after the other as are made at once. */
export function* slicesOf<
  List extends { readonly length: number; slice(from: number, to: number): List },
>(list: List): Iterable<List> {
  for (let at = 0; at < list.length; at += valuesAtOnce) yield list.slice(at, at + valuesAtOnce)
}

/** The values without the brackets around them. */
export function* jsonValues(slices: Iterable<readonly unknown[]>): Iterable<string> {
  let separator = ''
  for (const values of slices) {
    yield separator + JSON.stringify(values).slice(1, -1)
    separator = ','
  }
}

const leastPart = 16 * 1024

/** The text's bytes in parts, none of them tiny but the last. */
export function* encoded(texts: Iterable<string>): Iterable<Uint8Array> {
  let text = ''
  for (const more of texts) {
    text += more
    if (text.length < leastPart) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}
