// What the conformance run tries: networks of keras.applications, exports of other kinds, and how the
// shorter runs choose among them.

export const allNetworks = [
  ...['ResNet50', 'ResNet101', 'ResNet152', 'ResNet50V2', 'ResNet101V2', 'ResNet152V2'],
  ...['MobileNet', 'MobileNetV2', 'MobileNetV3Small', 'MobileNetV3Large'],
  ...['EfficientNetB0', 'EfficientNetB1', 'EfficientNetB2', 'EfficientNetB3', 'EfficientNetV2B0'],
  ...['DenseNet121', 'VGG16', 'InceptionV3', 'Xception', 'NASNetMobile', 'ConvNeXtTiny'],
]

/** Small ones, together of every kind of operator: an export takes most of the time. */
export const quickNetworks = ['MobileNetV2', 'MobileNetV3Small', 'EfficientNetB0', 'ResNet50V2']

/** Cases of people.py: ways to export, forms of output, and operators the networks do not have. */
export const quickCases = [
  ...['module-one-unnamed-output', 'module-logits-unnamed', 'module-two-outputs'],
  ...['module-named-output-in-manifest', 'softmax-in-pieces', 'sigmoid-multilabel'],
  ...['nested-functions', 'several-signatures', 'other-signature-name', 'fixed-batch'],
  ...['int32-input', 'keras-squeeze-excite', 'keras-vision-transformer', 'keras-two-heads'],
  ...['keras-mixed-float16', 'keras3-saved-not-exported', 'keras-export-archive'],
  ...['keras-jit-compiled', 'keras2-sequential', 'keras2-functional-logits'],
]

/** One case of so many is tried in the run of CI, beside those of the quick one. */
const spread = 6

/** What CI tries beside all networks and golden folders. */
export function someCases(all: readonly string[]): readonly string[] {
  const chosen = new Set(quickCases)
  return all.filter((name, at) => chosen.has(name) || at % spread === 0)
}
