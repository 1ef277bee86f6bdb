// `node write-small-repository.js FOLDER`: a repository with the small model, for scripts.
import { writeSmallModel } from './known-images.ts'

await writeSmallModel(process.argv[2] as string, { name: 'small', seed: 7 })
