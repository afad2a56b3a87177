{#
    A view over source_photos: when another source is chosen for a sol, its photos take the place of the others' at once, and
    no document is read again. A picture that is filed under two sols is counted once.
#}
{{ config(materialized='view') }}

select photos.*
from {{ ref('source_photos') }} as photos
inner join {{ ref('photo_documents') }} as documents
    on photos.object_key = documents.object_key and documents.is_chosen
left join {{ ref('photos_told_elsewhere') }} as told_elsewhere
    on photos.photo_key = told_elsewhere.photo_key and photos.object_key = told_elsewhere.object_key
where told_elsewhere.photo_key is null
