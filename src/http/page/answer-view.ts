// One model's answer: its bars, how it ran, and where it looked.
import { make } from './elements.ts'
import type { ModelAnswer, Prediction } from './service.ts'
import { type ModelTiming, milliseconds } from './timing.ts'

export function answerView(answer: ModelAnswer, timing: ModelTiming | undefined): HTMLElement {
  const { model, version, weights, predictions, explanation } = answer
  const heading = make('h4', {}, make('span', { text: model }))
  if (version !== '1') heading.append(make('small', { text: ` version ${version}` }))
  if (weights === 'random') {
    heading.append(make('em', { class: 'random', text: 'random weights: means nothing' }))
  }
  const list = make('ol', { class: 'predictions' }, ...predictions.map(predictionView))
  const view = make('section', { class: `answer ${weights}` }, heading, list)
  const picture = pictureOf(explanation)
  if (picture !== null) {
    const alt = `Heat map: where ${model} looked for ${predictions[0]?.label ?? 'its answer'}`
    view.append(make('img', { class: 'heat', src: picture, alt }))
  }
  if (timing !== undefined) view.append(make('p', { class: 'ran', text: ranAs(timing) }))
  return view
}

function predictionView({ label, probability, wnid }: Prediction): HTMLElement {
  const fill = make('span', { class: 'fill' })
  fill.style.inlineSize = `${Math.max(probability * 100, 0.3)}%`
  const name = make('span', { class: 'label', text: label })
  if (wnid !== undefined) name.title = wnid
  return make(
    'li',
    {},
    name,
    make('span', { class: 'percent', text: percent(probability) }),
    make('span', { class: 'gauge', 'aria-hidden': 'true' }, fill),
  )
}

export function percent(probability: number): string {
  const hundredths = probability * 100
  return `${hundredths >= 9.95 ? hundredths.toFixed(0) : hundredths.toFixed(1)} %`
}

function ranAs({ queueMs, inferMs, batchSize }: ModelTiming): string {
  const company = batchSize > 1 ? `, with ${batchSize - 1} more in its batch` : ''
  return `waited ${milliseconds(queueMs)}, computed ${milliseconds(inferMs)}${company}`
}

/** A heat map as an address that an `img` can show: base64 of a PNG, bare or as a data: URL. */
function pictureOf(explanation: unknown): string | null {
  if (typeof explanation === 'string') {
    return explanation.startsWith('data:') ? explanation : `data:image/png;base64,${explanation}`
  }
  if (typeof explanation !== 'object' || explanation === null) return null
  const texts = Object.values(explanation).filter((value) => typeof value === 'string')
  const png = texts.find((text) => text.startsWith('iVBOR') || text.startsWith('data:image/png'))
  return png === undefined ? null : pictureOf(png)
}
