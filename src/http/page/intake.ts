// The ways in: files dropped (folders too), pasted, picked or photographed.
import { openCamera } from './camera.ts'
import { byId, hint } from './elements.ts'

export interface Picture {
  readonly file: Blob
  readonly name: string
}

type Take = (pictures: readonly Picture[]) => void

/** A dropped folder may hold anything; these are what its pictures end with. */
const pictureName = /\.(jpe?g|png|webp|gif|avif|tiff?)$/i
/** A folder with more is a mistake more often than a wish. */
const maxFromFolder = 500

export function openIntake(take: Take): void {
  takeFromInput(byId<HTMLInputElement>('files'), byId('pick'), take)
  takeFromCamera(take)
  takeDrops(take)
  takePastes(take)
}

function takeFromInput(input: HTMLInputElement, opener: HTMLElement, take: Take): void {
  opener.addEventListener('click', () => input.click())
  input.addEventListener('change', () => {
    take([...(input.files ?? [])].map(named))
    input.value = '' // the same file can be chosen again
  })
}

/** On a telephone its own camera; elsewhere the page's, where the browser lets pages have one. */
function takeFromCamera(take: Take): void {
  const capture = byId<HTMLInputElement>('capture')
  const opener = byId('photograph')
  capture.addEventListener('change', () => {
    take([...(capture.files ?? [])].map(named))
    capture.value = ''
  })
  const isTelephone = matchMedia('(pointer: coarse)').matches
  const hasCamera = navigator.mediaDevices !== undefined
  opener.hidden = !isTelephone && !hasCamera
  opener.addEventListener('click', () => {
    if (isTelephone) capture.click()
    else void openCamera((file) => take([{ file, name: `Photograph at ${timeOfDay()}.jpg` }]))
  })
}

function takeDrops(take: Take): void {
  let depth = 0
  const mark = (change: number) => {
    depth = Math.max(0, depth + change)
    document.body.classList.toggle('dropping', depth > 0)
  }
  document.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event.dataTransfer)) return
    event.preventDefault()
    mark(1)
  })
  document.addEventListener('dragleave', () => mark(-1))
  document.addEventListener('dragover', (event) => {
    if (carriesFiles(event.dataTransfer) || carriesAddress(event.dataTransfer)) {
      event.preventDefault()
    }
  })
  document.addEventListener('drop', (event) => {
    mark(-depth)
    if (carriesAddress(event.dataTransfer)) {
      event.preventDefault() // the browser would leave this page, and its results, for that address
      hint('That is the address of a picture. Save the picture first, then drop the file here.')
    }
    if (!carriesFiles(event.dataTransfer)) return
    event.preventDefault()
    void filesIn(event.dataTransfer).then(take)
  })
}

function carriesFiles(data: DataTransfer | null): data is DataTransfer {
  return data?.types.includes('Files') ?? false
}

/** A link, or a picture dragged out of another page by a browser that gives only its address. */
function carriesAddress(data: DataTransfer | null): boolean {
  const types = data?.types ?? []
  return types.includes('text/uri-list') && !types.includes('Files')
}

async function filesIn(data: DataTransfer): Promise<readonly Picture[]> {
  // Entries must be taken before the first await: the browser empties the list then.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null)
  const files = [...data.files].filter((_, index) => entries[index]?.isDirectory !== true)
  const pictures = files.map(named)
  for (const entry of entries) {
    if (entry?.isDirectory) pictures.push(...(await filesOf(entry as FileSystemDirectoryEntry)))
  }
  return pictures
}

async function filesOf(folder: FileSystemDirectoryEntry): Promise<readonly Picture[]> {
  const pictures: Picture[] = []
  const reader = folder.createReader()
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (entries.length === 0 || pictures.length >= maxFromFolder) return pictures
    for (const entry of entries) {
      if (entry.isDirectory) pictures.push(...(await filesOf(entry as FileSystemDirectoryEntry)))
      else if (pictureName.test(entry.name)) {
        const file = await new Promise<File>((resolve, reject) =>
          (entry as FileSystemFileEntry).file(resolve, reject),
        )
        pictures.push(named(file))
      }
    }
  }
}

function takePastes(take: Take): void {
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length > 0) {
      event.preventDefault()
      take(files.map((file) => ({ file, name: nameOfPasted(file) })))
    } else if (!(event.target instanceof HTMLInputElement)) {
      hint('The clipboard holds no picture. Copy one, not its address or its file name.')
    }
  })
}

/** Browsers call every pasted picture `image.png`. */
function nameOfPasted({ name }: File): string {
  return name === 'image.png' || name === '' ? `Pasted at ${timeOfDay()}.png` : name
}

function named(file: File): Picture {
  return { file, name: file.name }
}

function timeOfDay(): string {
  return new Date().toTimeString().slice(0, 8).replaceAll(':', '.')
}
