{#
    A view over source_photos: when another source is chosen for a sol, its photos take the place of the others' at once, and
    no document is read again.
#}
{{ config(materialized='view') }}

select photos.*
from {{ ref('source_photos') }} as photos
inner join {{ ref('photo_documents') }} as documents on photos.object_key = documents.object_key
where documents.is_chosen
