{#
    A view over source_photos: when another source is chosen for a sol, its photos take the place of the others' at once, and
    no document is read again. A picture that is filed under two sols is counted once.
#}
{{ config(materialized='view') }}

select photos.*
from {{ ref('source_photos') }} as photos
inner join {{ ref('photo_documents') }} as documents
    on photos.object_key = documents.object_key and documents.is_chosen
left join {{ ref('photos_reported_elsewhere') }} as elsewhere
    on photos.photo_key = elsewhere.photo_key and photos.object_key = elsewhere.object_key
where elsewhere.photo_key is null
