// A photograph with this computer's camera, as a JPEG of the size the camera gives.
import { byId } from './elements.ts'

const quality = 0.95

/** Resolves when the dialog is closed; `take` is called with the photograph, if one was taken. */
export async function openCamera(take: (photograph: Blob) => void): Promise<void> {
  const dialog = byId<HTMLDialogElement>('camera')
  const view = byId<HTMLVideoElement>('camera-view')
  const problem = byId('camera-problem')
  const shutter = byId<HTMLButtonElement>('camera-take')
  problem.textContent = ''
  shutter.disabled = true
  dialog.showModal()
  const closed = new AbortController()
  const close = () => dialog.close()
  byId('camera-close').addEventListener('click', close, { signal: closed.signal })
  shutter.addEventListener('click', () => void photograph(view).then(take).then(close), {
    signal: closed.signal,
  })
  const ended = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } })
    // Until the first frame is there, the picture has no size.
    const enable = () => {
      shutter.disabled = false
    }
    view.addEventListener('loadeddata', enable, { signal: closed.signal })
    view.srcObject = stream
    await ended
    for (const track of stream.getTracks()) track.stop()
    view.srcObject = null
  } catch (error) {
    problem.textContent = `The camera cannot be used: ${(error as Error).message}. Allow it in the browser's settings, or choose a file instead.`
    await ended
  }
  closed.abort()
}

function photograph(view: HTMLVideoElement): Promise<Blob> {
  const canvas = document.createElement('canvas')
  canvas.width = view.videoWidth
  canvas.height = view.videoHeight
  canvas.getContext('2d')?.drawImage(view, 0, 0)
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error('the camera gave no picture')) : resolve(blob)),
      'image/jpeg',
      quality,
    ),
  )
}
