// Many jobs at once, their results in the order of the jobs, each as soon as all before it are there.

/** @param limit jobs at the same time, and results kept that nobody has taken yet */
export async function* inOrder<Item, Result>(
  items: readonly Item[],
  limit: number,
  act: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = []
  for (const item of items) {
    const result = act(item)
    result.catch(() => {}) // told when its turn comes
    running.push(result)
    if (running.length >= limit) yield running.shift() as Promise<Result>
  }
  for (const result of running) yield result
}
