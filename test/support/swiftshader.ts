// A GPU for machines without one: SwiftShader, a Vulkan device in software that Debian's chromium
// brings along.
import { existsSync } from 'node:fs'

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json'
const loaders = [
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1',
  '/usr/lib/aarch64-linux-gnu/libvulkan.so.1',
]

/** Why tests that need it cannot run, or false. */
export const withoutSwiftShader =
  existsSync(driver) && loaders.some((path) => existsSync(path))
    ? false
    : `needs SwiftShader and the Vulkan loader (Debian's chromium and libvulkan1): ${driver}`

/** Makes it the only Vulkan device of a process. */
export const swiftShaderEnvironment = { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver }
